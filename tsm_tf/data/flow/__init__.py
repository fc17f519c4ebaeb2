"""Optical flow: computed by TV-L1, stored as the field stores it, or made at run time."""
