"""A start-up that imports many modules of the standard library, each for the first time."""


def main():
    import argparse, asyncio, concurrent.futures, csv, ctypes, decimal, difflib, doctest, email.message, http.server  # noqa: E401
    import logging.config, multiprocessing, pdb, sqlite3, ssl, tarfile, unittest.mock, urllib.request, xml.dom.minidom  # noqa: E401
    import zipfile

    return zipfile, argparse, asyncio, concurrent, csv, ctypes, decimal, difflib, doctest, email, http, logging, \
        multiprocessing, pdb, sqlite3, ssl, tarfile, unittest, urllib, xml
