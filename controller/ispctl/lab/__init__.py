"""A whole ISP on loopback: a real FreeRADIUS, and stand-ins for its NASes. Ships with the product; used by cli only."""

from ispctl.lab.lab import Lab

__all__ = ["Lab"]
