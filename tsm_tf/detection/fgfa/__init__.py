"""FGFA, flow-guided feature aggregation (Zhu et al. 2017): the offline baseline of Table 9."""
