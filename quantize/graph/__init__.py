"""TFLite models as graphs: reading, writing and the passes between."""
