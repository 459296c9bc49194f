"""A web framework: Flask answers its test client with routes, templates, sessions, JSON, an error handler."""

from flask import Flask, jsonify, render_template_string, request, session

app = Flask(__name__)
app.secret_key = "not one"
PAGE = "{% for name, count in basket.items() %}<li>{{ name }}: {{ count }}</li>{% else %}empty{% endfor %}"


@app.route("/")
def show_basket():
    return render_template_string(PAGE, basket=session.get("basket", {}))


@app.route("/add/<name>", methods=["POST"])
def add_item(name):
    basket = dict(session.get("basket", {}))
    basket[name] = basket.get(name, 0) + request.json["count"]
    session["basket"] = basket
    return jsonify(basket)


@app.errorhandler(404)
def explain_missing(error):
    return {"error": str(error)}, 404


def main():
    client = app.test_client()
    size = 0
    for number in range(12):
        size += len(client.post(f"/add/item{number % 4}", json={"count": number}).data)
        size += len(client.get("/").data) + len(client.get("/nowhere").data)
    return size
