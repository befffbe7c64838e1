"""Policies: rules that policy people write, and the pure engine that applies them."""
