//! Generated from `plugins/wit/v1`.

wasmtime::component::bindgen!({
    path: "../../plugins/wit/v1",
    world: "province",
    additional_derives: [PartialEq, serde::Serialize],
});
