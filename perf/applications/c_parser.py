"""A grammar: pycparser reads C and writes it again."""

from pycparser import c_generator, c_parser

FUNCTION = """
struct node_{0} {{ int value; struct node_{0} *next; char name[{0} + 1]; }};
static int sum_{0}(struct node_{0} *head, unsigned long limit) {{
  int total = 0;
  for (struct node_{0} *at = head; at != 0 && limit > 0; at = at->next, --limit) {{
    if (at->value % 2 == 0) {{ total += at->value * {0}; }} else {{ total -= (at->value >> 1) & 0x{0}f; }}
  }}
  return total;
}}
"""

parser = c_parser.CParser(lex_optimize=False, yacc_optimize=True, taboutputdir="/tmp")


def main():
    tree = parser.parse("".join(FUNCTION.format(number) for number in range(1, 9)))
    return len(c_generator.CGenerator().visit(tree))
