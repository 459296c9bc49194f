#define BOOST_TEST_MODULE smiley_daemon
#include <boost/test/unit_test.hpp>
