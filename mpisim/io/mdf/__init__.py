"""MDF v2, the open format of the field (HDF5): read, written and validated by one table of its specification."""
