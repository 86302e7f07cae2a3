// What the conformance suite asks of a server that it judges, as far as it is about what goes through a
// proxy: texts and bytes of all kinds, answers that come piece by piece, errors.

import { completable, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SILENCE = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (said) => ({ type: 'text', text: said });
const image = { type: 'image', data: PIXEL, mimeType: 'image/png' };
const embedded = (uri) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'embedded' } });

const TOOLS = {
  test_simple_text: () => ({ content: [text('This is a simple text response for testing.')] }),
  test_image_content: () => ({ content: [image] }),
  test_audio_content: () => ({ content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }] }),
  test_embedded_resource: () => ({ content: [embedded('test://embedded-resource')] }),
  test_multiple_content_types: () => ({ content: [text('several'), image, embedded('test://mixed-content-resource')] }),
  test_error_handling: () => { throw new Error('This tool intentionally returns an error for testing'); },
  test_tool_with_progress: async (_nothing, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      const params = { progressToken, progress, total: 100 };
      if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params });
      await sleep(50);
    }
    return { content: [text('done')] };
  },
  test_tool_with_logging: async (_nothing, { mcpReq }) => {
    for (const said of ['started', 'processing', 'completed']) {
      await mcpReq.log('info', said);
      await sleep(50);
    }
    return { content: [text('done')] };
  },
};

const said = (...content) => ({ messages: content.map((each) => ({ role: 'user', content: each })) });

export function forTheSuite() {
  const server = new McpServer({ name: 'suite', version: '1.0.0' }, { capabilities: { logging: {}, completions: {} } });
  for (const [name, tool] of Object.entries(TOOLS)) {
    server.registerTool(name, { description: name, inputSchema: z.object({}) }, tool);
  }
  const file = (uri, held) => server.registerResource(uri, uri, { description: uri }, () => ({ contents: [{ uri, ...held }] }));
  file('test://static-text', { mimeType: 'text/plain', text: 'This is the content of the static text resource.' });
  file('test://static-binary', { mimeType: 'image/png', blob: PIXEL });
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, { description: 'by id' }, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true }) }],
  }));
  server.registerPrompt('test_simple_prompt', { description: 'simple' }, () => said(text('This is a simple prompt for testing.')));
  const argument = completable(z.string(), (value) => [`${value}-1`, `${value}-2`]);
  server.registerPrompt('test_prompt_with_arguments', { description: 'with arguments', argsSchema: z.object({ arg1: argument, arg2: z.string() }) },
    ({ arg1, arg2 }) => said(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)));
  server.registerPrompt('test_prompt_with_embedded_resource', { description: 'with a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => said(embedded(resourceUri), text('See above.')));
  server.registerPrompt('test_prompt_with_image', { description: 'with an image' }, () => said(image, text('See above.')));
  return server;
}
