"""Where keys come from: the setting, or the file that `up` keeps."""

import os
import stat

import pytest

from agents.errors import OperationError
from agents.sealing.keys import KEY_FILE, keys_for, new_key, with_own_keys
from agents.up.state import announce, withdraw
from pipeline.secret_keys import SecretKey, parse_keys, written
from pipeline.settings import Settings

KEY = SecretKey("given", b"g" * 32)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, bootstrap_servers="broker:9092")


@pytest.fixture
def up(settings):
    """An `up` of this process, with the keys of its file."""
    (key,) = parse_keys(with_own_keys(settings).secret_keys)
    announce(settings, 8_321, key_ids=[key.id])
    yield key
    withdraw(settings.data_dir)


def file_of(settings):
    return settings.data_dir / KEY_FILE


def test_up_makes_a_key_once_in_a_file_that_only_its_owner_can_read(settings):
    before = os.umask(0)
    try:
        made = with_own_keys(settings)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file_of(settings).stat().st_mode) == 0o600
    assert len(parse_keys(made.secret_keys)) == 1
    assert with_own_keys(settings) == made


def test_keys_that_are_set_leave_no_file(settings):
    given = settings.model_copy(update={"secret_keys": written(KEY)})
    assert with_own_keys(given) is given
    assert not file_of(settings).exists()
    assert keys_for(given) == (KEY,)


def test_commands_take_the_keys_of_the_up_that_runs(settings, up):
    assert keys_for(settings) == (up,)
    assert keys_for(Settings(data_dir=settings.data_dir)) == (up,)
    assert written(up) not in (settings.data_dir / "up.json").read_text()


@pytest.mark.usefixtures("up")
def test_the_keys_of_an_up_on_another_broker_are_not_taken(settings):
    assert keys_for(settings.model_copy(update={"bootstrap_servers": "other:9092"})) == ()


def test_without_a_running_up_and_without_the_setting_there_is_no_key(settings):
    with_own_keys(settings)
    assert keys_for(settings) == ()


def test_an_up_whose_keys_were_set_keeps_them_to_itself(settings):
    announce(settings, 8_321, key_ids=None)
    assert keys_for(settings) == ()


def test_a_key_that_the_running_agents_do_not_have_is_not_sealed_with(settings, up):
    file_of(settings).write_text(f"{written(new_key())}\n{written(up)}\n")
    with pytest.raises(OperationError, match="start it again first"):
        keys_for(settings)


def test_a_key_that_was_added_after_the_others_opens_already(settings, up):
    new = new_key()
    file_of(settings).write_text(f"{written(up)}\n{written(new)}\n")
    assert keys_for(settings) == (up, new)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("", 0o600, "holds no key"),
        ("k:QUJD", 0o600, "secret.keys: key 1: k must have 32 bytes, not 3"),
        ("\xe9", 0o600, "secret.keys: "),
        (written(KEY), 0o640, "can be read by others: chmod 600"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_left_alone(settings, content, mode, said):
    file_of(settings).write_text(content)
    file_of(settings).chmod(mode)
    with pytest.raises(OperationError, match=said) as caught:
        with_own_keys(settings)
    assert "QUJD" not in str(caught.value)
    assert file_of(settings).read_text() == content


@pytest.mark.usefixtures("up")
def test_a_file_that_cannot_be_read_or_written_is_told(settings):
    file_of(settings).unlink()
    with pytest.raises(OperationError, match="cannot read"):
        keys_for(settings)
    nowhere = settings.model_copy(update={"data_dir": settings.data_dir / "gone"})
    with pytest.raises(OperationError, match="cannot write"):
        with_own_keys(nowhere)
