"""The synthetic tasters: fantasy lovers and haters that show personalisation working."""
