"""Modules:

- `rlvr_nb.render_child`: Renders chat templates with limits on work, memory and output: the program of a child process."""

__version__ = "0.1.0"
