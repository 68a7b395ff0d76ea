"""An accelerator with the CPU behind it: who serves when it dies, and when it is tried again."""
