"""The team of threads as LLVM text: claiming pieces, working on them, waiting for the next job.

Everybody speaks through the board, an array of int64. Its word CLAIM holds a job's number and the first and the last of
the pieces that nobody has taken. To take a piece is to compare that word and swap it, which fails when any of the three
has changed; so a thread that comes late can take nothing from a job it has not read. The owner takes the first piece,
workers the last one: what a core worked on in one job it mostly gets in the next one too, and has it in its cache.
"""

from __future__ import annotations

from symdiff.runtime import cpu, denormals
from symdiff.runtime.assembly import Function
from symdiff.runtime.team import (
    ASLEEP,
    CONDITION,
    FINISHED,
    MOST_WORDS,
    MUTEX,
    OWNED,
    SLOTS,
    STARTED,
    WANTED,
    WORDS,
)

ENTRY = "symdiff_split"

_, ROWS, GRAIN, PIECES, INNER, FIRST = range(6)  # words of the step `split`

_LOOKS = 2000  # at the board before a worker offers its core to others: about 0.1 ms
_OFFERS = 4000  # of its core, a look after each, before a worker sleeps: about 1 ms, since to wake it takes 0.05 ms
_PATIENCE = 4000  # looks before an owner who waits for a worker offers its core to others


def module(sig_block: int) -> str:
    """The LLVM module; `sig_block` is the platform's SIG_BLOCK. Its entry is `int64 symdiff_split(words, slots)`."""
    identity = ", ".join(f"i64 {k}" for k in range(MOST_WORDS))
    functions = [_piece(), _work(), _worker(sig_block), _start(), _split()]
    return f"""
@identity = private constant [{MOST_WORDS} x i64] [{identity}]

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @sched_yield()
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
{_PAUSE.replace("call", "declare").replace("i32 1", "i32")}
{denormals.DECLARATIONS}
""" + "\n".join(functions)


def _pause() -> str:
    """The instruction for a loop that waits."""
    if cpu.architecture() == "x86_64":
        return "call void @llvm.x86.sse2.pause()"
    return "call void @llvm.aarch64.hint(i32 1)" if cpu.architecture() == "aarch64" else ""


_PAUSE = _pause()


def _piece() -> str:
    """Piece `p` of `pieces`: the inner steps in turn, with their words moved on by the rows before the piece.

    Pieces are as equal as what stays together allows. The last one has what is left, so none has fewer rows than stay
    together, unless there are too many pieces.
    """
    f = Function("piece", "ptr %words, ptr %slots, i64 %p, i64 %pieces")
    moved = f.memory("i64", MOST_WORDS, 64)
    rows, grain = f.word("%slots", f.word("%words", ROWS)), f.word("%words", GRAIN)
    whole = f.let(f"udiv i64 {rows}, {grain}")

    def start(p: str) -> str:
        return f.mul(f.let(f"udiv i64 {f.mul(p, whole)}, %pieces"), grain)

    first, following = start("%p"), f.add("%p", 1)
    end = f.select(f.equal(following, "%pieces"), "i64", rows, start(following))
    count = f.sub(end, first)
    at = f.variable("ptr", f.at("%words", "i64", FIRST))
    with f.when(f.less(0, count)), f.loop(f.word("%words", INNER)):
        step = f.get(at)
        inner, words = f.let(f"load ptr, ptr {step}"), f.word(step, 1)
        slots = f.at(step, "i64", 2)
        moves = f.at(slots, "i64", words)
        with f.loop(words) as k:
            value = _moved(f, f.word(slots, k), f.word(moves, k), first, count)
            f.do(f"store i64 {value}, ptr {f.at(moved, 'i64', k)}")
        f.let(f"call i64 {inner}(ptr @identity, ptr {moved})")
        f.set(at, f.at(moves, "i64", words))
    return f.text()


def _moved(f: Function, slot: str, move: str, first: str, count: str) -> str:
    """A word of an inner step."""
    value = f.variable("i64", f.word("%slots", slot))
    with f.when(f.less(-1, move)):
        f.set(value, f.add(f.get(value), f.mul(f.word("%slots", move), first)))
    with f.when(f.less(move, -1)):
        f.set(value, f.mul(f.word("%slots", f.sub(0, move)), count))
    return f.get(value)


def _open(f: Function, claim: str) -> tuple[str, str, str]:
    """The first piece of a job that nobody has taken, the one after the last, and whether there is any."""
    first = f.bits(claim, 65535)
    end = f.bits(f.let(f"lshr i64 {claim}, 16"), 65535)
    return first, end, f.less(first, end)


def _read(f: Function, address: str, order: str) -> str:
    return f.let(f"load atomic i64, ptr {address} {order}, align 8")


def _pointer(f: Function, place: int) -> str:
    return f.let(f"inttoptr i64 {_read(f, f.at('%board', 'i64', place), 'monotonic')} to ptr")


def _work() -> str:
    """Take pieces of the job on the board, whatever it is, until none is left."""
    f = Function("work", "ptr %board, i1 %owner")
    claim = f.variable("i64", 0)

    def some_left() -> str:
        f.set(claim, _read(f, "%board", "acquire"))
        return _open(f, f.get(claim))[2]

    with f.repeat(some_left):
        seen = f.get(claim)
        first, end, _ = _open(f, seen)
        words, slots = _pointer(f, WORDS), _pointer(f, SLOTS)
        left = f.select("%owner", "i64", f.add(seen, 1), f.sub(seen, 1 << 16))
        swap = f.let(f"cmpxchg ptr %board, i64 {seen}, i64 {left} acq_rel monotonic, align 8")
        with f.when(f.let(f"extractvalue {{ i64, i1 }} {swap}, 1")):
            p = f.select("%owner", "i64", first, f.sub(end, 1))
            pieces = f.word(slots, f.word(words, PIECES))
            f.do(f"call void @piece(ptr {words}, ptr {slots}, i64 {p}, i64 {pieces})")
            f.let(f"atomicrmw add ptr {f.at('%board', 'i64', FINISHED)}, i64 1 release, align 8")
    return f.text()


def _worker(sig_block: int) -> str:
    """A worker's life: work, watch for the next job, sleep. Signals are left to threads that know Python."""
    f = Function("worker", "ptr %board", result="ptr")
    denormals.flush(f)  # as in the thread that walks the table
    signals = f.memory("i64", 32, 16)
    f.do(f"call void @llvm.memset.p0.i64(ptr {signals}, i8 -1, i64 256, i1 false)")
    f.let(f"call i32 @pthread_sigmask(i32 {sig_block}, ptr {signals}, ptr null)")
    asleep, condition, mutex = (f.at("%board", "i64", place) for place in (ASLEEP, CONDITION, MUTEX))
    looks = f.variable("i64", 0)

    def nothing_to_do(order: str) -> str:
        return f.let(f"xor i1 {_open(f, _read(f, '%board', order))[2]}, true")

    with f.repeat(lambda: "true"):
        f.do("call void @work(ptr %board, i1 false)")
        f.set(looks, 0)
        with f.repeat(lambda: f.both(nothing_to_do("acquire"), f.less(f.get(looks), _LOOKS + _OFFERS))):
            f.do(_PAUSE)
            f.set(looks, f.add(f.get(looks), 1))
            with f.when(f.less(_LOOKS, f.get(looks))):
                f.let("call i32 @sched_yield()")
        with f.when(nothing_to_do("acquire")):
            f.let(f"call i32 @pthread_mutex_lock(ptr {mutex})")
            f.let(f"atomicrmw add ptr {asleep}, i64 1 seq_cst, align 8")
            with f.repeat(lambda: nothing_to_do("seq_cst")):
                f.let(f"call i32 @pthread_cond_wait(ptr {condition}, ptr {mutex})")
            f.let(f"atomicrmw sub ptr {asleep}, i64 1 seq_cst, align 8")
            f.let(f"call i32 @pthread_mutex_unlock(ptr {mutex})")
    return f.text("ptr null")


def _start() -> str:
    """The first job starts the workers. Those that cannot be had are not missed."""
    f = Function("start", "ptr %board")
    thread = f.memory("i64", 1, 8)
    started = f.at("%board", "i64", STARTED)
    with f.when(f.let(f"icmp eq i64 {f.let(f'load i64, ptr {started}')}, 0")):
        f.do(f"store i64 1, ptr {started}")
        with f.loop(f.word("%board", WANTED)):
            code = f.let(f"call i32 @pthread_create(ptr {thread}, ptr null, ptr @worker, ptr %board)")
            with f.when(f.let(f"icmp eq i32 {code}, 0")):
                f.let(f"call i32 @pthread_detach(i64 {f.let(f'load i64, ptr {thread}')})")
    return f.text()


def _split() -> str:
    """Share out a step, or do it alone when it is small or the team is taken."""
    f = Function(ENTRY, "ptr %words, ptr %slots", result="i64")
    board = f.let("load ptr, ptr %words")
    owned = f.at(board, "i64", OWNED)
    pieces = f.word("%slots", f.word("%words", PIECES))
    alone = f.variable("i1", "true")
    with f.when(f.less(1, pieces)):
        taken = f.let(f"cmpxchg ptr {owned}, i64 0, i64 1 acquire monotonic, align 8")
        with f.when(f.let(f"extractvalue {{ i64, i1 }} {taken}, 1")):
            f.set(alone, "false")
            _lead(f, board, pieces)
            f.do(f"store atomic i64 0, ptr {owned} release, align 8")
    with f.when(f.get(alone)):
        _take_whole(f)
    return f.text("i64 0")


def _take_whole(f: Function) -> None:
    """The inner steps in turn with all rows: their words are in the slots as they stand."""
    at = f.variable("ptr", f.at("%words", "i64", FIRST))
    with f.loop(f.word("%words", INNER)):
        step = f.get(at)
        inner, words = f.let(f"load ptr, ptr {step}"), f.word(step, 1)
        slots = f.at(step, "i64", 2)
        f.set(at, f.at(slots, "i64", f.mul(words, 2)))
        f.let(f"call i64 {inner}(ptr {slots}, ptr %slots)")


def _lead(f: Function, board: str, pieces: str) -> None:
    """Put a job on the board, work on it, and wait for those who work on the rest."""
    f.do(f"call void @start(ptr {board})")
    finished = f.at(board, "i64", FINISHED)
    f.do(f"store atomic i64 0, ptr {finished} monotonic, align 8")
    for place, pointer in ((WORDS, "%words"), (SLOTS, "%slots")):
        bits = f.let(f"ptrtoint ptr {pointer} to i64")
        f.do(f"store atomic i64 {bits}, ptr {f.at(board, 'i64', place)} monotonic, align 8")
    number = f.add(f.let(f"lshr i64 {_read(f, board, 'monotonic')}, 32"), 1)
    job = f.let(f"or i64 {f.let(f'shl i64 {number}, 32')}, {f.let(f'shl i64 {pieces}, 16')}")
    f.let(f"atomicrmw xchg ptr {board}, i64 {job} seq_cst, align 8")
    with f.when(f.let(f"icmp ne i64 {_read(f, f.at(board, 'i64', ASLEEP), 'seq_cst')}, 0")):
        mutex = f.at(board, "i64", MUTEX)
        f.let(f"call i32 @pthread_mutex_lock(ptr {mutex})")
        f.let(f"call i32 @pthread_cond_broadcast(ptr {f.at(board, 'i64', CONDITION)})")
        f.let(f"call i32 @pthread_mutex_unlock(ptr {mutex})")
    f.do(f"call void @work(ptr {board}, i1 true)")
    looks = f.variable("i64", 0)
    with f.repeat(lambda: f.let(f"icmp ne i64 {_read(f, finished, 'acquire')}, {pieces}")):
        f.do(_PAUSE)
        f.set(looks, f.add(f.get(looks), 1))
        with f.when(f.less(_PATIENCE, f.get(looks))):
            f.let("call i32 @sched_yield()")
