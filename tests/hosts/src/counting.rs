//! Makes a module count its own instructions.
//!
//! In front of each place at which control may part or meet, a global takes up what was executed since
//! the last one. So the count is exact, and whatever executes the module need not know of it.

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, GlobalSection, GlobalType, Instruction,
    Module, ValType,
};
use wasmparser::{ExportSectionReader, FunctionBody, GlobalSectionReader, Operator, Parser};

/// What the module exports the count as, 64 bits of it.
pub(crate) const COUNT: &str = "instructions";

/// The same module, and the count.
pub(crate) fn counting(module: &[u8]) -> Vec<u8> {
    let mut counting = Module::new();
    Counting { global: 0 }
        .parse_core_module(&mut counting, Parser::new(0), module)
        .expect("a module with globals and exports");
    counting.finish()
}

/// How many instructions a host would call this: none where it makes no code of it.
const fn price(operator: &Operator<'_>) -> i64 {
    match operator {
        Operator::Block { .. }
        | Operator::Drop
        | Operator::Else
        | Operator::End
        | Operator::Loop { .. }
        | Operator::Nop
        | Operator::Return
        | Operator::Unreachable => 0,
        _ => 1,
    }
}

/// Whether what stands behind this may be executed without it, or more often.
const fn parts(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Else
            | Operator::End
            | Operator::If { .. }
            | Operator::Loop { .. }
            | Operator::Return
            | Operator::Unreachable
    )
}

struct Counting {
    /// The number of the global that counts.
    global: u32,
}

impl Reencode for Counting {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        for global in section {
            self.parse_global(globals, global?)?;
        }
        // None is imported, so they are numbered from here.
        self.global = globals.len();
        let kind = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        globals.global(kind, &ConstExpr::i64_const(0));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        for export in section {
            self.parse_export(exports, export?);
        }
        exports.export(COUNT, ExportKind::Global, self.global);
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        // One for the function itself.
        let mut executed = 1;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            executed += price(&operator);
            if executed > 0 && parts(&operator) {
                function.instruction(&Instruction::GlobalGet(self.global));
                function.instruction(&Instruction::I64Const(executed));
                function.instruction(&Instruction::I64Add);
                function.instruction(&Instruction::GlobalSet(self.global));
                executed = 0;
            }
            function.instruction(&self.instruction(operator)?);
        }
        code.function(&function);
        Ok(())
    }
}
