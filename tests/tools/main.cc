#define BOOST_TEST_MODULE smiley_tools
#include <boost/test/unit_test.hpp>
