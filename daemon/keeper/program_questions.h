// What the owner asks of the audit log over the control socket. Answered page by page: a log may be longer
// than any message.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/keeper/keeper.h"
#include "daemon/keeper/program_audit.h"
#include "daemon/keeper/program_control.h"

namespace latchkey::keeper {

// Answers the command if it is one of these, now or when the disk has answered:
//
//   command          fields                            answer
//   audit state                                        log, public_key, head, checkpoint, records,
//                                                      bytes, unrecorded
//   audit read       after, most                       records
//   audit check                                        nothing: the table of views is right
//   incident names                                     cameras, viewers (as they are now), records (of names)
//   incident views   from, to, cameras,                total (with after 0), views
//                    loss_above_permille, after, most
//   incident events  from, to, cameras, after, most    records
//
// `from` and `to` are nanoseconds since 1970; `cameras` ids, none for all.
[[nodiscard]] bool AnswerAudit(const Keeper& keeper, const ports::Signer::PublicKey& key, AuditDisk& disk,
                               std::string_view command, const ControlServer::Reply& reply);

}  // namespace latchkey::keeper
