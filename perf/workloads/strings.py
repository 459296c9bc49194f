"""Strings: built piece by piece, joined, split and replaced."""


def render(rows):
    text = ""
    for row in rows:
        text += "<tr>"
        for cell in row:
            text += "<td>" + cell.replace("&", "&amp;") + "</td>"
        text += "</tr>"
    return text


def main():
    rows = [[f"cell {n} & {m}" for m in range(8)] for n in range(60)]
    total = 0
    for _ in range(500):
        text = render(rows)
        words = text.split(" ")
        total += len(",".join(words))
    return total
