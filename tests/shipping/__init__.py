"""The collectors' configurations, run for real against receivers as strict as the sinks."""
