from tsm_tf.evaluation.protocols import EFFICIENT, PROTOCOLS, Protocol


def test_the_table_finds_each_protocol_by_its_name():
    assert {"efficient": Protocol("efficient", clips=1, crops=1)} == PROTOCOLS
    assert PROTOCOLS[EFFICIENT.name] is EFFICIENT
