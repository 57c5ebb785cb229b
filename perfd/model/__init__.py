"""The vocabulary: frozen, slotted types; numpy and the standard library only."""
