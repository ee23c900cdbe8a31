"""The state: views into flat aligned buffers, saving and loading, and files that are not what they should be."""

import os
import pickle
import zipfile

import numpy as np
import pytest

import symdiff as sd


@pytest.fixture
def params():
    return [
        sd.param("W", (3, 5), init=sd.init.glorot_uniform(), dtype="float32"),
        sd.param("b", (5,), init=[1, 2, 3, 4, 5], dtype="float32"),
        sd.param("scale", (), init=2.5),
        sd.param("layer.count", (), dtype="int64"),
        sd.param("none", (0, 4)),
    ]


@pytest.fixture
def state(params):
    return sd.State.initial(params, seed=1)


def same(a, b):
    return a.names == b.names and all(a[k].dtype == b[k].dtype and a[k].tobytes() == b[k].tobytes() for k in a)


class TestViews:
    def test_values_types_and_names(self, state):
        assert state.names == ("W", "b", "scale", "layer.count", "none") == tuple(state)
        assert len(state) == 5 and "W" in state and "V" not in state
        assert state["b"].tolist() == [1, 2, 3, 4, 5] and state["b"].dtype == "float32"
        assert state["scale"].shape == () and state["scale"] == 2.5 and state["none"].shape == (0, 4)
        assert state.nbytes == 15 * 4 + 5 * 4 + 8 + 8

    def test_one_aligned_buffer_per_dtype(self, state):
        for name in state:
            assert state[name].ctypes.data % 64 == 0 and state[name].flags.c_contiguous
        assert state["W"].base is state["b"].base
        assert state["b"].ctypes.data - state["W"].ctypes.data == 64
        assert state["W"].base is not state["scale"].base

    def test_writing_through_a_view(self, state):
        state["W"][:] = 7
        state["scale"][...] = 3
        assert (state["W"] == 7).all() and state["scale"] == 3

    def test_assignment_copies(self, state):
        before, array = state["b"], np.arange(5, dtype="float32")
        state["b"] = array
        assert state["b"] is before and before.tolist() == [0, 1, 2, 3, 4]
        state["b"] = [5, 4, 3, 2, 1.5]
        array[:] = 9
        assert before.tolist() == [5, 4, 3, 2, 1.5]

    def test_assignment_of_what_does_not_fit(self, state):
        message = r"^state b: expected float32\[5\], got float32\[1\]: shapes differ; to fill it with one value: "
        with pytest.raises(sd.ShapeError, match=message):
            state["b"] = np.zeros(1, "float32")
        with pytest.raises(sd.ShapeError):
            state["b"] = 0
        with pytest.raises(sd.DTypeError, match=r"^state b: expected float32\[5\], got float64\[5\]: float64 does not"):
            state["b"] = np.zeros(5)
        assert state["b"].tolist() == [1, 2, 3, 4, 5]

    def test_unknown_names(self, state):
        with pytest.raises(KeyError, match="no parameter is called 'V'; it has W, b"):
            state["V"]
        with pytest.raises(KeyError, match="no parameter is called 'V'"):
            state["V"] = 1

    def test_copy_shares_nothing(self, state):
        other = state.copy()
        assert same(state, other)
        other["W"][:] = 0
        assert state["W"].any()

    def test_repr(self, state):
        assert repr(state) == (
            "State: 5 parameters, 96 bytes\n"
            "  W            float32[3, 5]\n"
            "  b            float32[5]\n"
            "  scale        float64\n"
            "  layer.count  int64\n"
            "  none         float64[0, 4]"
        )

    def test_overlap(self, state):
        assert state.overlaps(state["W"]) and state.overlaps(state["W"][1:, ::2])
        assert state.overlaps(np.frombuffer(memoryview(state["W"]), "float32"))
        assert not state.overlaps(np.zeros(4)[1:]) and not state.overlaps(np.zeros(4))

    def test_no_parameters(self):
        empty = sd.State.initial([])
        assert len(empty) == 0 and empty.nbytes == 0 and repr(empty) == "State: 0 parameters, 0 bytes"


class TestFile:
    def test_round_trip(self, state, tmp_path):
        state["scale"][...] = np.nan
        path = tmp_path / "model.npz"
        state.save(path)
        assert same(state, sd.State.load(path))
        assert os.listdir(tmp_path) == ["model.npz"]

    def test_numpy_reads_it_without_pickle(self, state, tmp_path):
        state.save(tmp_path / "model.npz")
        with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
            np.testing.assert_array_equal(arrays["W"], state["W"])
            assert arrays["symdiff-state"] == 1

    def test_any_parameter_name_can_be_saved(self, tmp_path):
        state = sd.State.initial([sd.param("file", (2,), init=3), sd.param("args", (), init=4)])
        state.save(tmp_path / "model.npz")
        assert same(state, sd.State.load(tmp_path / "model.npz"))

    def test_equal_states_give_equal_bytes(self, state, tmp_path):
        state.save(tmp_path / "a")
        state.copy().save(tmp_path / "b")
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_the_old_file_stays_when_saving_fails(self, state, tmp_path, monkeypatch):
        path = tmp_path / "model.npz"
        state.save(path)
        old = path.read_bytes()
        state["W"][:] = 0

        def fail(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr(np.lib.format, "write_array", fail)
        with pytest.raises(OSError, match="disk full"):
            state.save(path)
        assert path.read_bytes() == old and os.listdir(tmp_path) == ["model.npz"]

    def test_saving_into_no_folder(self, state, tmp_path):
        with pytest.raises(FileNotFoundError):
            state.save(tmp_path / "nowhere" / "model.npz")

    def test_every_truncation_is_an_error(self, state, tmp_path):
        path = tmp_path / "model.npz"
        state.save(path)
        whole = path.read_bytes()
        for length in {0, 1, 4, 100, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:length])
            with pytest.raises(sd.StateError, match=r"load .*model\.npz: the file is damaged or no saved state"):
                sd.State.load(path)

    def test_a_flipped_bit_is_an_error(self, state, tmp_path):
        path = tmp_path / "model.npz"
        state.save(path)
        whole = bytearray(path.read_bytes())
        place = whole.index(state["b"].tobytes())
        whole[place] ^= 1
        path.write_bytes(whole)
        with pytest.raises(sd.StateError, match="damaged"):
            sd.State.load(path)

    def test_foreign_files(self, state, tmp_path):
        np.save(tmp_path / "array.npy", np.zeros(3))
        np.savez(tmp_path / "arrays.npz", W=np.zeros(3))
        (tmp_path / "text").write_text("hello")
        (tmp_path / "pickle").write_bytes(pickle.dumps([1, 2]))
        for name, words in [
            ("array.npy", "damaged or no saved state"),
            ("arrays.npz", "not a state that symdiff saved"),
            ("text", "damaged or no saved state"),
            ("pickle", "damaged or no saved state"),
        ]:
            with pytest.raises(sd.StateError, match=words):
                sd.State.load(tmp_path / name)

    def test_nothing_is_unpickled(self, tmp_path):
        np.savez(tmp_path / "evil.npz", **{"symdiff-state": np.array(1), "W": np.array([print], object)})
        with pytest.raises(sd.StateError, match=r"Object arrays cannot be loaded"):
            sd.State.load(tmp_path / "evil.npz")

    def test_a_dtype_symdiff_does_not_have(self, tmp_path):
        np.savez(tmp_path / "complex.npz", **{"symdiff-state": np.array(1), "W": np.zeros(2, complex)})
        with pytest.raises(sd.StateError, match="complex128"):
            sd.State.load(tmp_path / "complex.npz")

    def test_a_later_format(self, tmp_path):
        np.savez(tmp_path / "later.npz", **{"symdiff-state": np.array(2)})
        with pytest.raises(sd.StateError, match="it has format 2, this version of symdiff reads 1"):
            sd.State.load(tmp_path / "later.npz")

    def test_other_byte_orders_and_compression_are_read(self, tmp_path):
        np.savez_compressed(tmp_path / "swapped.npz", **{"symdiff-state": np.array(1), "W": np.arange(3, dtype=">f4")})
        state = sd.State.load(tmp_path / "swapped.npz")
        assert state["W"].dtype == np.dtype("float32") and state["W"].tolist() == [0, 1, 2]

    def test_a_damaged_compressed_file(self, tmp_path):
        path = tmp_path / "packed.npz"
        np.savez_compressed(path, **{"symdiff-state": np.array(1), "W": np.arange(999.0)})
        with zipfile.ZipFile(path) as archive:
            start = archive.getinfo("W.npy").header_offset
        whole = bytearray(path.read_bytes())
        whole[start + 200 : start + 260] = bytes(60)
        path.write_bytes(whole)
        with pytest.raises(sd.StateError, match="damaged"):
            sd.State.load(path)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            sd.State.load(tmp_path / "none.npz")
