from export.live.stream_clock import StreamClock


def test_gaps():
    clock = StreamClock(2.0)
    assert [clock.has_gap(t) for t in (5, 7, 9.5, 10)] == [False, False, True, False]
    assert not any(StreamClock(None).has_gap(t) for t in (0, 100))


def test_the_rate_is_that_of_the_last_steps():
    clock = StreamClock(None)
    clock.note(0)
    assert clock.rate() == 0
    for step in range(40):
        clock.note(100 + step / 4)
    assert clock.rate() == 4
    clock.has_gap(12.5)
    assert clock.status(3.14, "litert") == "12.50 s    3.1 ms per frame    4.0 frames/s    litert"
    assert StreamClock(None).status(1, "x").startswith("0.00 s")
