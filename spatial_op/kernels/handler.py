"""Kernels as XLA calls them: machine code that takes a call frame of XLA's foreign function interface, so that no Python runs.

A call has two attributes, arrays of whole numbers: ``numbers`` are a kernel's arguments, 64 bits each; ``places`` says
which of them is the address of each operand, and then of each result. A handler puts the addresses where they belong and
calls its kernel, in as many parts as the first of the numbers behind the arguments says, on XLA's threads. In place of a kernel there
may be a function of Python's. The last of the numbers is 0 and stays so, unless something went wrong: then it becomes the address
of a text. The layout of frames is that of XLA's ``ffi/api/c_api.h``, version 0.
"""

import ctypes
import functools

from llvmlite import ir

from . import machine_code, sharing
from .plain_code import Code
from .trace import INT, LONG

# Where a frame's parts lie, in bytes. The arrays of buffers, and of attributes, are arrays of pointers.
EXTENSION, API, CONTEXT, OPERANDS, OPERAND_LIST, RESULTS, RESULT_LIST, ATTRIBUTE_LIST = 8, 16, 24, 56, 72, 96, 112, 160
DATA = 24  # of a buffer
SIZE, NUMBERS = 8, 16  # of an attribute
# A frame with this extension asks for the version of the interface, and calls nothing.
EXTENSION_KIND, METADATA, ASKED = 8, 24, 1
MAJOR, MINOR = 24, 28  # of the answer
# Functions of the interface; each takes the address of a structure, which begins with its size and an extension.
CREATE_ERROR, DESTROY_ERROR, SCHEDULE = 48, 64, 136
INTERNAL = 13  # the code of an internal error


class Frame(Code):
    """Writes the handler's code, for a minor version of the interface."""

    def __init__(self, minor):
        super().__init__(ir.Module("handler"), "handle", 1)
        self.minor, (self.frame,) = minor, self.given
        self.kernel = ir.GlobalVariable(self.module, LONG, "kernel")
        self.kernel.initializer = LONG(0)
        self.help = sharing.help_out(self.module)

    def ask(self, function, size, *fields):
        """Call a function of the interface with a structure of so many bytes."""
        with self.builder.goto_entry_block():
            given = self.builder.ptrtoint(self.builder.alloca(ir.ArrayType(LONG, 2 + len(fields))), LONG)
        for place, field in enumerate((LONG(size), LONG(0), *fields)):
            self.write(field, given, 8 * place)
        return self.call(self.read(self.read(self.frame, API), function), given)

    def answer(self):
        """If the version is asked for, say it; the rest of the answer stays as it is, zeros."""
        builder, extension = self.builder, self.read(self.frame, EXTENSION)
        for _ in self.when(builder.icmp_unsigned("!=", extension, LONG(0))):
            asked = builder.icmp_signed("==", self.read(extension, EXTENSION_KIND, INT), INT(ASKED))
            for _ in self.when(asked):
                told = self.read(extension, METADATA)
                self.write(INT(0), told, MAJOR)
                self.write(INT(self.minor), told, MINOR)
                builder.ret(LONG(0))

    def note(self):
        """The kernel's arguments, put together; how many parts there are, and where it says what went wrong."""
        builder, attributes = self.builder, self.read(self.frame, ATTRIBUTE_LIST)
        numbers, places = self.read(attributes, 0), self.read(self.read(attributes, 8), NUMBERS)
        count, given = self.read(numbers, SIZE), self.read(numbers, NUMBERS)
        parts = self.entry(given, builder.sub(count, LONG(2)))
        note = sharing.new_note(self, count, parts, builder.load(self.kernel))
        arguments = builder.add(note, LONG(sharing.ARGUMENTS))
        for index in self.each(0, count):
            self.write(self.entry(given, index), arguments, builder.mul(index, LONG(8)))
        operands, results = self.read(self.frame, OPERANDS), self.read(self.frame, RESULTS)
        for size, buffers, first in ((operands, OPERAND_LIST, LONG(0)), (results, RESULT_LIST, operands)):
            buffers = self.read(self.frame, buffers)
            for index in self.each(0, size):
                place = self.entry(places, builder.add(first, index))
                self.write(self.read(self.entry(buffers, index), DATA), arguments, builder.mul(place, LONG(8)))
        return note, parts, builder.add(arguments, builder.mul(builder.sub(count, LONG(1)), LONG(8)))

    def spread(self, note, parts):
        """Give the note to other threads; where there are none, it is held by fewer."""
        helper = self.builder.ptrtoint(self.help, LONG)
        for _ in self.each(1, parts):
            refused = self.ask(SCHEDULE, 40, self.read(self.frame, CONTEXT), helper, note)
            for _ in self.when(self.builder.icmp_unsigned("!=", refused, LONG(0))):
                self.ask(DESTROY_ERROR, 24, refused)
                self.add(note, sharing.HOLDERS, -1)

    def text(self):
        """The module's text: null is returned if all is well."""
        self.answer()
        note, parts, wrong = self.note()
        self.spread(note, parts)
        sharing.take_parts(self, note)
        sharing.wait(self, note)
        said = self.read(wrong, 0)
        sharing.let_go(self, note)
        for _ in self.when(self.builder.icmp_unsigned("!=", said, LONG(0))):
            self.builder.ret(self.ask(CREATE_ERROR, 28, said, LONG(INTERNAL)))
        self.builder.ret(LONG(0))
        return str(self.module)


@functools.cache
def text(minor):
    """The same for every kernel."""
    return Frame(minor).text()


def handler(address, minor):
    """The address of a handler that calls what is at this one."""
    engine = machine_code.loaded(text(minor), "calls by XLA")
    ctypes.c_int64.from_address(engine.get_global_value_address("kernel")).value = address
    return engine.get_function_address("handle")


# What handlers call may never go away.
CALLED = []


def address_of(function):
    """The address of a function of Python's, of (part, threads, arguments), the last an address."""
    CALLED.append(ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(function))
    return ctypes.cast(CALLED[-1], ctypes.c_void_p).value
