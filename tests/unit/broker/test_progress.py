import pytest

from agents.broker.progress import on_stderr, silent


def test_without_a_terminal_it_is_a_line_now_and_then(capsys):
    with on_stderr("Fetching", 8_000_000) as advance:
        for _ in range(800):
            advance(10_000)

    assert capsys.readouterr().err.splitlines() == [
        "Fetching: 8.0 MB, once",
        "Fetching: 2.0 of 8.0 MB",
        "Fetching: 4.0 of 8.0 MB",
        "Fetching: 6.0 of 8.0 MB",
        "Fetching: 8.0 of 8.0 MB",
    ]


def test_on_a_terminal_it_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with on_stderr("Fetching", 8_000_000) as advance:
        advance(8_000_000)

    assert "Fetching" in capsys.readouterr().err


@pytest.mark.parametrize("arrived", [0, 10])
def test_silent_shows_nothing(capsys, arrived):
    with silent("Fetching", 10) as advance:
        advance(arrived)

    assert capsys.readouterr() == ("", "")
