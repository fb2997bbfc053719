// One TCP connection on a reactor. Private to io/linux; net.cc makes them.
#pragma once
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <string>

#include "io/linux/reactor.h"
#include "io/net.h"

namespace posthorn::io {

// The concrete executor type spares the indirections of the default one.
using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Reactor::Executor>;

std::unique_ptr<Stream> make_stream(Reactor& reactor, TcpSocket socket, const SocketAddress& peer);

}  // namespace posthorn::io
