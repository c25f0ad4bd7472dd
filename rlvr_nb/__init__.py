"""Modules:

- `rlvr_nb.assets.algebra_child`: The program of the algebra process: python algebra_child.py STEPS CPU_SECONDS WALL_SECONDS
- `rlvr_nb.render_child`: Renders chat templates with limits on work, memory and output: the program of a child process."""

__version__ = "0.1.0"
