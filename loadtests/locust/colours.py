"""Colours of lines, told apart without red and green alone."""

BLUE, ORANGE, RED, GREEN, GREY = "#1f6fb4", "#e08214", "#b2182b", "#2a8a4a", "#777777"
