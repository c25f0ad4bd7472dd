"Train reasoning language models with GRPO on rewards that can be checked, from notebooks."
__version__ = "0.1.0"
