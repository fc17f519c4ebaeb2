from testing import assert_layer_works, frames, refuses

from tsm_tf.layers.site import NON_LOCAL, SHIFT, Site


def test_is_an_identity_with_a_kind(tmp_path):
    assert_layer_works(lambda **kw: Site(SHIFT, **kw), frames(4, 3, 2, 8), tmp_path)
    assert Site.from_config(Site(NON_LOCAL, name="a").get_config()).kind == NON_LOCAL


def test_refuses_other_kinds():
    with refuses("kind", "shift, non_local, temporal_pool", "pool"):
        Site("pool")
