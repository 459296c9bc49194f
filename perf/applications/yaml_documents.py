"""A parser: PyYAML's own loader and dumper read and write a description of services with anchors and nested lists."""

import yaml

SERVICE = """
- &base_{0}
  name: service-{0}
  image: "registry/app:{0}.4"
  ports: [80{0}, 90{0}]
  environment: {{LEVEL: info, WORKERS: {0}, RATIO: 0.{0}, FLAG: yes}}
  notes: |
    first line
    second line
- <<: *base_{0}
  name: copy-{0}
  depends: [service-{0}]
"""


def main():
    text = "services:" + "".join(SERVICE.format(number).replace("\n", "\n  ") for number in range(12))
    services = yaml.load(text, Loader=yaml.SafeLoader)
    return len(yaml.dump(services, Dumper=yaml.SafeDumper))
