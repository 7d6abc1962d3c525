<?php

/**
 * Commands to the inverters, and the settings of the controller.
 *
 * @var Station\View $this
 * @var ?Station\Form $form
 * @var array<string, string> $parts
 */

declare(strict_types=1);

use Station\{Commands, Form};

$schema = $this->boards->fields('control');
$form ??= Form::of($schema, $this->boards->shared('control'), $this->texts);
$page = 'control';
?>
<?php foreach ($this->status->serials as $serial) : ?>
    <?php
    $rated = Commands::RATED[substr($serial, 0, 4)] ?? 0.0;
    $name = $this->e($this->status->name($serial));
    ?>
<section class="card half" aria-label="<?= $name ?>">
  <h2><?= $name ?><span class="aside"><?= $this->e($serial) ?></span></h2>
  <form method="post" action="/command" class="form command">
    <?= $this->tokenField() ?>
    <input type="hidden" name="inverter" value="<?= $this->e($serial) ?>">
    <div class="input">
      <label for="limit-<?= $this->e($serial) ?>"><?= $this->say('limit to') ?></label>
      <span class="field pair"><input id="limit-<?= $this->e($serial) ?>" name="limit"
        inputmode="decimal" required autocomplete="off"
        placeholder="<?= $this->texts->number($rated, 0) ?>"><select name="unit"
        aria-label="<?= $this->say('unit') ?>"><option>W</option><option>%</option></select></span>
    </div>
    <div class="input box">
      <label><input type="checkbox" name="permanent" value="1">
        <?= $this->say('permanent') ?></label>
    </div>
    <button name="action" value="limit"><?= $this->say('set limit') ?></button>
  </form>
    <?php foreach (['on', 'off', 'restart'] as $action) : ?>
  <form method="post" action="/command" class="action">
        <?= $this->tokenField() ?>
    <input type="hidden" name="inverter" value="<?= $this->e($serial) ?>">
        <?php if ($action !== 'on') : ?>
    <details><summary class="button"><?= $this->say("$action ...") ?></summary>
      <p class="about"><?= $this->say("$action hint") ?></p>
      <button class="stop" name="action" value="<?= $action ?>"><?=
          $this->say($action) ?></button></details>
        <?php else : ?>
    <button class="plain" name="action" value="<?= $action ?>"><?=
        $this->say($action) ?></button>
        <?php endif ?>
  </form>
    <?php endforeach ?>
</section>
<?php endforeach ?>
<section class="card wide" aria-labelledby="commands-title">
  <h2 id="commands-title"><?= $this->say('commands') ?></h2>
  <div id="commands"><?= $parts['commands'] ?></div>
</section>
<section class="card wide" aria-labelledby="controller-title">
  <h2 id="controller-title"><?= $this->say('zero feed-in') ?></h2>
  <p class="hint"><?= $this->say('zero hint') ?></p>
  <div id="controller"><?= $parts['controller'] ?></div>
<?php if ($form->others !== null) {
    require __DIR__ . '/conflict.php';
} ?>
  <form method="post" action="/control" class="form columns">
    <?= $this->tokenField(), $this->sequenceField($form) ?>
    <?php foreach (array_keys($form->values) as $input) : ?>
        <?= $this->input($form, $input) ?>
    <?php endforeach ?>
    <button><?= $this->say('save') ?></button>
  </form>
</section>
