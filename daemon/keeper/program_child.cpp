#include "daemon/keeper/program_child.h"

#include <csignal>
#include <utility>

namespace latchkey::keeper {

Result<std::unique_ptr<Child>> Child::Start(platform::Loop& loop, const std::string& program,
                                            std::vector<std::string> arguments, Duration patience,
                                            Handlers handlers) {
  auto path = platform::SiblingProgram(program);
  if (!path) return tl::unexpected(path.error());
  std::unique_ptr<Child> child(new Child(loop));
  Child* self = child.get();
  self->handlers_ = std::move(handlers);
  platform::ChildOptions options;
  options.path = std::move(*path);
  options.arguments = std::move(arguments);
  auto process = platform::ChildProcess::Spawn(loop, options, [self](platform::ChildExit exit) {
    const std::string how = self->why_.empty() ? platform::Describe(exit) : self->why_;
    const auto on_end = std::move(self->handlers_.on_end);
    on_end(exit, how);
  });
  if (!process) return tl::unexpected(process.error());
  self->process_ = std::move(*process);
  platform::IpcChannel::Handlers channel;
  channel.on_record = [self](ByteView record) { self->handlers_.on_record(record); };
  // A child without a channel is of no use; its exit is what counts.
  channel.on_end = [self, patience](platform::ChannelEnd end) {
    if (end == platform::ChannelEnd::kClosed && patience > Duration())
      return self->leaving_.StartAfter(patience);
    if (end != platform::ChannelEnd::kClosed) self->why_ = platform::ChannelEndName(end);
    self->process_->Kill(SIGKILL);
  };
  self->channel_ =
      std::make_unique<platform::IpcChannel>(loop, self->process_->TakeChannel(), std::move(channel));
  return child;
}

void Child::Send(ByteVector record) {
  (void)channel_->Send(std::move(record));
}

void Child::Kill(std::string why) {
  if (why_.empty()) why_ = std::move(why);
  process_->Kill(SIGKILL);
}

}  // namespace latchkey::keeper
