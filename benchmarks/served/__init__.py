"""The rendered project's API behind each peer's logging: a settings module each."""
