from pipeline.restarts import DELAY_MS_MAX, FIRST_DELAY_MS, HEALTHY_AFTER_MS, Restarts


def delays_ms(*lived_ms: int) -> list[int]:
    restarts, delays = Restarts(), []
    for lived in lived_ms:
        restarts = restarts.after(lived)
        delays.append(restarts.delay_ms)
    return delays


def test_each_death_soon_after_the_last_doubles_the_delay():
    assert delays_ms(0, 10, 10, 10) == [500, 1_000, 2_000, 4_000]


def test_the_delay_has_a_maximum():
    assert delays_ms(*[0] * 10)[-1] == DELAY_MS_MAX


def test_a_minute_of_life_begins_anew():
    assert delays_ms(0, 0, 0, HEALTHY_AFTER_MS) == [500, 1_000, 2_000, FIRST_DELAY_MS]


def test_starts_are_counted():
    assert Restarts().after(0).after(HEALTHY_AFTER_MS).count == 2
