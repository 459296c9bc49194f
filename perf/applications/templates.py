"""A template engine: Jinja2 compiles a page with inheritance, macros and filters, and renders it with a list of orders."""

from jinja2 import DictLoader, Environment

PAGES = {
    "base.html": "<html><head><title>{% block title %}shop{% endblock %}</title></head>"
    "<body>{% block body %}{% endblock %}<p>{{ footer|default('end')|upper }}</p></body></html>",
    "macros.html": "{% macro money(cents) %}{{ '%.2f'|format(cents / 100) }}{% endmacro %}"
    "{% macro row(item) %}<tr><td>{{ item.name|e }}</td><td>{{ money(item.cents * item.count) }}</td></tr>{% endmacro %}",
    "orders.html": "{% extends 'base.html' %}{% import 'macros.html' as m %}{% block title %}{{ orders|length }} orders"
    "{% endblock %}{% block body %}{% for order in orders %}<h2>{{ order.customer|title }}</h2><table>"
    "{% for item in order['items'] if item.count > 0 %}{{ m.row(item) }}{% else %}<tr><td>none</td></tr>{% endfor %}</table>"
    "{% set total = order['items']|sum(attribute='cents') %}{{ m.money(total) }}"
    "{% if loop.last %}<hr>{% elif loop.index is divisibleby 5 %}<br>{% endif %}{% endfor %}{% endblock %}",
}


def make_orders(count):
    return [
        {
            "customer": f"customer <{number}>",
            "items": [
                {"name": f"item {i} & co", "cents": 95 * i + number, "count": (i + number) % 4} for i in range(6)
            ],
        }
        for number in range(count)
    ]


def main():
    environment = Environment(loader=DictLoader(PAGES), autoescape=True, cache_size=0)
    return len(environment.get_template("orders.html").render(orders=make_orders(40)))
