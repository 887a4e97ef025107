// SPDX-License-Identifier: MIT
// Each way to show a task; private to viewer.
#pragma once
#include "octl/print/viewer.hpp"

namespace octo::octl {

std::unique_ptr<Viewer> make_document_viewer(const Show& show, Output& output);
std::unique_ptr<Viewer> make_answer_viewer(const Show& show, Output& output);
std::unique_ptr<Viewer> make_json_lines_viewer(const Show& show, Output& output);
std::unique_ptr<Viewer> make_files_viewer(const Show& show, Output& output);
std::unique_ptr<Viewer> make_group_viewer(const Show& show, Output& output);
std::unique_ptr<Viewer> make_step_viewer(Output& output);

// Says which runs lack bytes that they wrote.
void say_dropped(const TaskView& view, Output& output);

}  // namespace octo::octl
