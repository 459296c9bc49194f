"""Floats in nested lists: the outer planets, one step after the other."""

BODIES = [
    ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 39.478),
    ([4.841, -1.160, -0.103], [0.606, 2.812, -0.025], 0.0377),
    ([8.343, 4.124, -0.403], [-1.011, 1.826, 0.0084], 0.0113),
    ([12.894, -15.111, -0.223], [1.083, 0.868, -0.0108], 0.00172),
    ([15.379, -25.919, 0.179], [0.979, 0.594, -0.0347], 0.00203),
]


def advance(dt, steps, bodies):
    for _ in range(steps):
        for i, (p1, v1, m1) in enumerate(bodies):
            for p2, v2, m2 in bodies[i + 1:]:
                dx = p1[0] - p2[0]
                dy = p1[1] - p2[1]
                dz = p1[2] - p2[2]
                mag = dt / ((dx * dx + dy * dy + dz * dz) ** 1.5)
                b1 = m2 * mag
                b2 = m1 * mag
                v1[0] -= dx * b1
                v1[1] -= dy * b1
                v1[2] -= dz * b1
                v2[0] += dx * b2
                v2[1] += dy * b2
                v2[2] += dz * b2
        for p, v, _m in bodies:
            p[0] += dt * v[0]
            p[1] += dt * v[1]
            p[2] += dt * v[2]


def main():
    advance(0.01, 8_000, BODIES)
