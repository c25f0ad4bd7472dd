import sys
from rlvr_nb.__main__ import start
sys.exit(start())
