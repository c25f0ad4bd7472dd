import sys
from rlvr_nb.cli import main
sys.exit(main())
