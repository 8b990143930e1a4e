"""The one room that knows torch: subject models, dictionaries, probes, and what they see. Only a worker enters it.

subject.load(spec) -> Subject; .read(turns) -> Read
dictionaries.open_dictionary(configuration, weights) -> Encoder
probes.ProbeHead.of(tensors, ...) -> ProbeHead
capture.run(subject, reads, instruments) -> Seen for each transcript
collect.activations(subject, reads, places) -> vectors for `auditor.interp.training`
"""
