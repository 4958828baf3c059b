"""How a line is made: from a record to strict, bounded, masked JSON."""
