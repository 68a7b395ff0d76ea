"""The stages of the line: functions on arrays, writing into buffers they are given. No clock, no I/O."""
