// A clang of luabpf's own: of the same libraries, but linked into one file at fixed addresses, with
// BPF as its only target and the plugin in it. The distribution's clang spends two thirds of its
// start on half a million relocations of its shared libraries. It takes the same arguments and does
// what luabpf asks clang for: objects, LLVM's assembly, preprocessed text, a syntax tree.

#include <clang/Basic/Diagnostic.h>
#include <clang/Basic/DiagnosticOptions.h>
#include <clang/Basic/Stack.h>
#include <clang/CodeGen/CodeGenAction.h>
#include <clang/Driver/Compilation.h>
#include <clang/Driver/Driver.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/FrontendActions.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/InitLLVM.h>
#include <llvm/Support/Path.h>
#include <llvm/Support/Signals.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/Timer.h>
#include <llvm/TargetParser/Host.h>

extern "C" ::llvm::PassPluginLibraryInfo llvmGetPassPluginInfo();

// Where LLVM was built with Polly, clang's libraries ask for it.
llvm::PassPluginLibraryInfo getPollyPluginInfo();
llvm::PassPluginLibraryInfo getPollyPluginInfo()
{
    return {LLVM_PLUGIN_API_VERSION, "none", "1", [](llvm::PassBuilder &) {}};
}

namespace
{

// Status of a compiler that met a bug of its own, as clang's.
constexpr int CRASHED = 70;

void refuse(void *, const char *message, bool)
{
    llvm::errs() << "fatal error: error in backend: " << message << "\n";
    llvm::sys::RunInterruptHandlers();
    exit(CRASHED);
}

std::unique_ptr<clang::FrontendAction> action(clang::frontend::ActionKind kind)
{
    switch (kind) {
    case clang::frontend::EmitObj:
        return std::make_unique<clang::EmitObjAction>();
    case clang::frontend::EmitAssembly:
        return std::make_unique<clang::EmitAssemblyAction>();
    case clang::frontend::EmitLLVM:
        return std::make_unique<clang::EmitLLVMAction>();
    case clang::frontend::EmitBC:
        return std::make_unique<clang::EmitBCAction>();
    case clang::frontend::ASTDump:
        return std::make_unique<clang::ASTDumpAction>();
    case clang::frontend::ParseSyntaxOnly:
        return std::make_unique<clang::SyntaxOnlyAction>();
    case clang::frontend::PrintPreprocessedInput:
        return std::make_unique<clang::PrintPreprocessedAction>();
    default:
        return nullptr;
    }
}

// The plugin is linked in; another one of the user's finds no symbols here, which clang says.
void take_plugin(clang::CodeGenOptions &options)
{
    llvm::erase_if(options.PassPlugins, [&options](const std::string &path) {
        if (llvm::sys::path::filename(path) != "lower.so")
            return false;
        options.PassBuilderCallbacks.push_back(
            llvmGetPassPluginInfo().RegisterPassBuilderCallbacks);
        return true;
    });
}

// Options for LLVM itself: -mllvm.
void pass_on(const std::vector<std::string> &options)
{
    std::vector<const char *> arguments{"clang (LLVM option parsing)"};

    if (options.empty())
        return;
    for (const std::string &option : options)
        arguments.push_back(option.c_str());
    llvm::cl::ParseCommandLineOptions((int)arguments.size(), arguments.data());
}

// What clang's driver would run: its arguments, program by program.
bool compile(const llvm::opt::ArgStringList &arguments, const char *program,
             clang::DiagnosticsEngine &diagnostics)
{
    auto invocation = std::make_shared<clang::CompilerInvocation>();
    auto instance = std::make_unique<clang::CompilerInstance>();
    const bool good = clang::CompilerInvocation::CreateFromArgs(
        *invocation, llvm::ArrayRef(arguments).drop_front(), diagnostics, program);

    instance->setInvocation(invocation);
    instance->createDiagnostics();
    if (!good || !instance->hasDiagnostics())
        return false;
    const clang::FrontendOptions &options = instance->getFrontendOpts();
    auto wanted = action(options.ProgramAction);

    if (!wanted) {
        llvm::errs() << "error: luabpf's clang can't do this\n";
        return false;
    }
    pass_on(options.LLVMArgs);
    take_plugin(instance->getCodeGenOpts());
    const bool done = instance->ExecuteAction(*wanted);

    llvm::TimerGroup::printAll(llvm::errs());
    llvm::TimerGroup::clearAll();
    (void)instance.release(); // the process ends
    return done;
}

} // namespace

extern "C" {
void LLVMInitializeBPFTargetInfo();
void LLVMInitializeBPFTarget();
void LLVMInitializeBPFTargetMC();
void LLVMInitializeBPFAsmPrinter();
void LLVMInitializeBPFAsmParser();
}

int main(int count, const char **arguments)
{
    clang::noteBottomOfStack();
    llvm::InitLLVM guard(count, arguments);
    const llvm::ArrayRef<const char *> list(arguments, (size_t)count);
    llvm::IntrusiveRefCntPtr<clang::DiagnosticOptions> options(
        clang::CreateAndPopulateDiagOpts(list).release());
    auto printer = std::make_unique<clang::TextDiagnosticPrinter>(llvm::errs(), options.get());
    bool good = true;

    LLVMInitializeBPFTargetInfo();
    LLVMInitializeBPFTarget();
    LLVMInitializeBPFTargetMC();
    LLVMInitializeBPFAsmPrinter();
    LLVMInitializeBPFAsmParser();
    llvm::install_fatal_error_handler(refuse);
    printer->setPrefix("clang");
    clang::DiagnosticsEngine diagnostics(new clang::DiagnosticIDs(), options, printer.release());

    clang::ProcessWarningOptions(diagnostics, *options, false);
    clang::driver::Driver driver(list[0], llvm::sys::getDefaultTargetTriple(), diagnostics);
    std::unique_ptr<clang::driver::Compilation> work(driver.BuildCompilation(list));

    if (!work || work->containsError())
        return 1;
    for (const clang::driver::Command &job : work->getJobs())
        good = compile(job.getArguments(), list[0], diagnostics) && good;
    return good ? 0 : 1;
}
