"""Tests of the template: they bake projects, and run what they baked."""
