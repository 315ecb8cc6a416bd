"""Stand-ins for NAS as one configures them: a module for each vendor, with the state, the words and the faults of its
devices. They share no code with what configures them: tests hold the two together."""
