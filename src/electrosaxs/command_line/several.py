"""Options that take several values: `islands a.tif --packing face1.tif face2.tif --out DIR`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperOption


class SeveralValues(TyperCommand):
    """A command whose repeatable options may also be given once with several values, once a plain argument stands before them.

    Without a plain argument before it only the next value is the option's: `islands --truth labels.tif a.tif b.tif`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeats the option before each of its values, as click reads them."""
        options = {name: one for one in self.params if isinstance(one, TyperOption) for name in one.opts}
        found: list[str] = []
        plain, several, left = (
            0,
            "",
            0,
        )  # plain arguments so far; option that may go on; values that an option still takes
        for argument in args:
            if left:
                left -= 1
            elif argument.startswith("-") and len(argument) > 1:
                option = options.get(argument)
                left = int(option is not None and not option.is_flag)
                several = argument if left and plain and option is not None and option.multiple else ""
            elif several:
                found.append(several)
            else:
                plain += 1
            found.append(argument)
        return super().parse_args(ctx, found)
