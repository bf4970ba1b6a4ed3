"""Parts of a kernel's work on the threads of whoever calls: each takes the next part until none is left.

Threads that come too late find nothing to do, and nobody waits for one that has not begun; so callers may be such threads
themselves. What they share is a note in memory, which the last one throws away.
"""

from llvmlite import ir

from .plain_code import Code
from .trace import LONG

# Where on the note stand: the next part, parts that are done, threads that have the note, all parts, the kernel, its arguments.
NEXT, DONE, HOLDERS, PARTS, KERNEL, ARGUMENTS = range(0, 48, 8)
VOID = ir.VoidType()


def help_out(module):
    """Write ``help(note)``, what each thread does."""
    code = Code(module, "help", 1, VOID)
    take_parts(code, code.given[0])
    let_go(code, code.given[0])
    code.builder.ret_void()
    return code.builder.function


def take_parts(code, note):
    """Do parts until none is left."""
    parts, kernel = code.read(note, PARTS), code.read(note, KERNEL)
    arguments = code.builder.add(note, LONG(ARGUMENTS))

    def another():
        part = code.add(note, NEXT, 1)
        return part, code.builder.icmp_signed("<", part, parts)

    for part in code.while_(another):
        code.call(kernel, part, parts, arguments, result=VOID)
        code.add(note, DONE, 1)


def wait(code, note):
    """Until the parts that others have begun are done."""
    parts = code.read(note, PARTS)

    def missing():
        return None, code.builder.icmp_signed("<", code.add(note, DONE, 0), parts)

    for _ in code.while_(missing):
        pass


def let_go(code, note):
    """The last one throws the note away."""
    held = code.add(note, HOLDERS, -1)
    for _ in code.when(code.builder.icmp_signed("==", held, LONG(1))):
        code.external("free", note, result=VOID)


def new_note(code, count, parts, kernel):
    """A note with room for so many arguments, held by as many threads as there are parts."""
    size = code.builder.add(LONG(ARGUMENTS), code.builder.mul(count, LONG(8)))
    note = code.external("malloc", size)
    for value, place in ((LONG(0), NEXT), (LONG(0), DONE), (parts, HOLDERS), (parts, PARTS), (kernel, KERNEL)):
        code.write(value, note, place)
    return note
