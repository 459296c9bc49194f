"""A graph library: NetworkX builds a graph and searches paths, components and central nodes."""

import networkx


def main():
    graph = networkx.Graph()
    for number in range(200):
        graph.add_edge(number, (number * 7 + 3) % 200, weight=number % 5 + 1)
        graph.add_edge(number, (number * 11 + 5) % 200, weight=number % 3 + 1)
    paths = dict(networkx.all_pairs_dijkstra_path_length(graph, cutoff=6))
    central = networkx.closeness_centrality(graph)
    return len(paths) + len(list(networkx.connected_components(graph))) + round(sum(central.values()), 6)
