"""How good rankings are, on ratings they have not seen."""
