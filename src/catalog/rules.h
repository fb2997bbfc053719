// pure: what a client may say of an application or an endpoint. Every refusal is kInvalid with a
// message of the form "field: what is wrong and what to do", where `field` is the name in the API.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace posthorn::catalog {

Status check_application(const ApplicationSpec& spec, const CatalogOptions& options);
// Sorts event types and channels, removes repeated ones, then checks everything but the secret.
Status check_endpoint(EndpointSpec& spec, const CatalogOptions& options);

// The parts, for requests that carry them elsewhere. `field` names them in the message.
Status check_event_type(std::string_view field, std::string_view text);
Status check_channel(std::string_view field, std::string_view text);
Status check_metadata(const model::Metadata& metadata);
// A header that a client asks to be sent: no name that the delivery itself sets or that a proxy
// would act on, printable bytes only, the value at most 4096 bytes.
Status check_header(std::string_view field, const model::Header& header);

}  // namespace posthorn::catalog
