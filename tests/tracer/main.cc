// The extension module with the suites. Its run(arguments) is Boost.Test's main function.
#include <Python.h>

#define BOOST_TEST_MODULE smiley_tracer
#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

namespace {

PyObject* Run(PyObject*, PyObject* arguments) {
  if (!PyList_Check(arguments)) {
    PyErr_SetString(PyExc_TypeError, "run() takes a list of words");
    return nullptr;
  }
  std::vector<std::string> words;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(arguments); ++i) {
    const char* word = PyUnicode_AsUTF8(PyList_GET_ITEM(arguments, i));
    if (word == nullptr) return nullptr;
    words.emplace_back(word);
  }
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int code = boost::unit_test::unit_test_main(&init_unit_test, static_cast<int>(words.size()), pointers.data());
  return PyLong_FromLong(code);
}

PyMethodDef g_functions[] = {{"run", Run, METH_O, "Runs the suites; returns the exit code."}, {}};
PyModuleDef g_module = {
    PyModuleDef_HEAD_INIT, "smiley_test_tracer", nullptr, -1, g_functions, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit_smiley_test_tracer() { return PyModule_Create(&g_module); }
