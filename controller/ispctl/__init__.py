"""ispctl: a GitOps controller for internet service providers."""
