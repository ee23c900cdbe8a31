"""Object code put into memory by our own loader, against LLVM's."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import textwrap

import llvmlite.binding as llvm
import numpy as np
import pytest

from symdiff.runtime import codegen, cpu, elf, load

pytestmark = pytest.mark.skipif(not elf.is_possible(), reason="LLVM loads object code on this system")

TABLE = """
@table = private constant [4 x double] [double 2.0, double 3.0, double 5.0, double 7.0]
@places = private constant [2 x ptr] [ptr @table, ptr getelementptr ([4 x double], ptr @table, i64 0, i64 2)]
declare double @fmod(double, double)
define double @ENTRY(i64 %k, double %x) {
  %at = getelementptr [2 x ptr], ptr @places, i64 0, i64 %k
  %place = load ptr, ptr %at
  %value = load double, ptr %place
  %rest = call double @fmod(double %x, double %value)
  %scaled = fmul double %rest, 0x3FB999999999999A
  %sum = fadd double %scaled, %value
  ret double %sum
}
"""
SCALED = """
define double @ENTRY(i64 %k, double %x) {
  %scaled = fmul double %x, 0x3FB999999999999A
  ret double %scaled
}
"""
COUNTER = "@n = global i64 1\ndefine ptr @ENTRY() {\n  ret ptr @n\n}"


def code_of(entry: str, text: str = TABLE) -> bytes:
    return codegen.object_code(text.replace("ENTRY", entry), entry)


def called(address: int, k: int, x: float) -> float:
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_double)(address)(k, x)


def test_constants_addresses_and_functions_of_the_process():
    """Constants lie in sections of their own, a table holds addresses, fmod is the process's."""
    codes = {name: code_of(name) for name in ("elf_one", "elf_two")}
    ours, llvms = elf.load_all(codes), load._linked(codes)
    assert ours.keys() == llvms.keys() and len(set(ours.values()) | set(llvms.values())) == 4
    for address in (*ours.values(), *llvms.values()):
        for k, value in enumerate((2.0, 5.0)):
            assert called(address, k, 7.5) == np.fmod(7.5, value) * 0.1 + value


def test_code_is_not_writable():
    address = elf.load_all({"elf_guarded": code_of("elf_guarded")})["elf_guarded"]
    with open("/proc/self/maps", encoding="utf-8") as file:
        rows = [line.split() for line in file]
    ranges = [(*(int(end, 16) for end in row[0].split("-")), row[1]) for row in rows]
    assert [rights for first, end, rights in ranges if first <= address < end] == ["r-xp"]


def relocated_otherwise(entry: str) -> bytes:
    """For LLVM's small code model, which counts distances from the instruction."""
    name, features = codegen.host()
    target = llvm.Target.from_triple(codegen.triple())
    machine = target.create_target_machine(name, features, 2, reloc="pic", codemodel="small", jit=False)
    return bytes(machine.emit_object(codegen.tidied(SCALED.replace("ENTRY", entry), entry)))


@pytest.mark.parametrize(("code", "why"), [
    (lambda: relocated_otherwise("elf_small"), "a relocation of type"),
    (lambda: b"\x7fELF\x01" + bytes(100), "no object file of a 64-bit"),
    (lambda: b"MZ" + bytes(100), "no object file"),
    (lambda: b"", "no object file"),
    (lambda: code_of("elf_counter", COUNTER), "sections other than code and constants"),
])  # fmt: skip
def test_what_it_does_not_know_it_declines(code, why):
    with pytest.raises(elf.UnsupportedError, match=why):
        elf.load_all({"any": code()})


def test_what_is_declined_llvm_loads():
    assert called(load.load(relocated_otherwise("elf_declined"), "elf_declined"), 1, 7.5) == 7.5 * 0.1


def test_names_that_are_not_there():
    with pytest.raises(RuntimeError, match="object code does not define 'elf_other'"):
        elf.load_all({"elf_other": code_of("elf_own")})
    module = codegen._module("declare void @no_such()\ndefine void @f() {\n  call void @no_such()\n  ret void\n}", "f")
    with pytest.raises(RuntimeError, match="needs the C function 'no_such'"):
        elf.load_all({"f": bytes(codegen.target_machine().emit_object(module))})


def test_a_warm_start_does_not_import_llvm(tmp_path):
    code = """
        import sys, numpy as np, symdiff as sd
        x = sd.input("x", (3,))
        f = sd.compile([sd.sum(sd.exp(x) @ np.ones((3, 3))), x + 1], inputs=[x])
        print([f(np.zeros(3))[0], f(np.zeros(3))[0], f(np.ones(3))[1].tolist()], "llvmlite.binding" in sys.modules)
    """
    environment = {"SYMDIFF_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": ":".join(sys.path)}
    cold, warm = (
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=True
        ).stdout.rsplit(maxsplit=1)
        for _ in range(2)
    )
    assert cold[0] == warm[0] and (cold[1], warm[1]) == ("True", "False")


# -- the processor


def test_the_system_and_llvm_agree_on_the_processor():
    _, features = codegen.host()
    theirs = {one[1:] for one in features.split(",") if one.startswith("+")}
    known = {"avx", "avx2", "avx512f", "fma", "bmi2"}
    assert cpu.features() & known == theirs & known
    assert cpu.architecture() == codegen.triple().split("-")[0]


def fresh(monkeypatch, path):
    monkeypatch.setattr(cpu, "_FILE", str(path))
    for function in (cpu._said, cpu.identity, cpu.features):
        function.cache_clear()


@pytest.fixture
def forget():
    yield
    for function in (cpu._said, cpu.identity, cpu.features):
        function.cache_clear()


@pytest.mark.usefixtures("forget")
def test_only_the_first_processor_is_asked_and_only_for_what_it_is(monkeypatch, tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nmodel\t\t: 207\ncpu MHz\t\t: 2100.0\nflags\t\t: fma avx2\n\nprocessor: 1\nmodel: 3\n"
    )
    fresh(monkeypatch, path)
    assert cpu.identity() == ("flags: fma avx2", "model: 207") and cpu.features() == {"fma", "avx2"}


@pytest.mark.usefixtures("forget")
def test_where_the_system_is_silent_llvm_is_asked(monkeypatch, tmp_path):
    path = tmp_path / "cpuinfo"
    for text in (None, "", "processor: 0\nmodel: 207\n"):
        if text is not None:
            path.write_text(text)
        fresh(monkeypatch, path)
        assert cpu.identity() == codegen.host()
        assert ("avx2" in cpu.features()) == ("+avx2" in codegen.host()[1].split(","))
